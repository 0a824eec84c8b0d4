"""JUnit XML, for build servers: one failed test case a finding, one passed where there is none."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from unjam.reports.source.view import Shown
from unjam.reports.text import safe


def render(shown: Shown) -> str:
    """One test suite."""
    count = len(shown.problems)
    root = ET.Element("testsuites", name="unjam check", tests=str(max(count, 1)), failures=str(count))
    suite = ET.SubElement(root, "testsuite", name="unjam check", tests=str(max(count, 1)), failures=str(count))
    for problem in shown.problems:
        path = safe(shown.relative(problem.path))
        name = f"{problem.rule} {path}:{problem.line}"
        case = ET.SubElement(suite, "testcase", name=name, classname=path, file=path, line=str(problem.line))
        failure = ET.SubElement(case, "failure", message=safe(problem.finding.message), type=problem.rule)
        failure.text = "\n".join(safe(remedy.text) for remedy in problem.finding.remedies)
    if not count:
        ET.SubElement(suite, "testcase", name="no blocking call found", classname="unjam")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
