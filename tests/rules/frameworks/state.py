"""Objects that an application keeps on its `state`: their class is what the project assigns there."""

import time

from fastapi import FastAPI, Request

app = FastAPI()


class Catalogue:
    def items(self):
        time.sleep(1)  # error: UJ101 time.sleep

    def names(self):
        time.sleep(1)  # clean: nobody calls it


class Twofold:
    def items(self):
        time.sleep(1)  # clean: two classes are assigned to that name


def create():
    app.state.catalogue = Catalogue()
    app.state.either = Twofold()


def create_other():
    app.state.either = Catalogue()


@app.get("/catalogue")
async def catalogue(request: Request):
    request.app.state.catalogue.items()
    request.app.state.either.items()
