"""What one function does with one client is one finding, with the other lines beside it; another client is another."""

import smtplib
import subprocess


async def sends(host: str, text: str):
    with smtplib.SMTP(host) as server:  # error: UJ103 smtplib.SMTP.__init__
        server.starttls()  # clean: beside the finding above
        server.sendmail("a", "b", text)  # clean


async def waits_for_two(words: list[str]):
    first = subprocess.Popen(words)  # clean: beside the wait for it, which takes longer
    second = subprocess.Popen(words)  # clean
    first.wait()  # error: UJ107 subprocess.Popen.wait
    second.wait()  # error: UJ107 subprocess.Popen.wait


async def others_connection(server: smtplib.SMTP, text: str):
    server.sendmail("a", "b", text)  # error: UJ103 smtplib.SMTP.sendmail
