from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from unjam.static.project import Settings, demos, found


def write(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_src_comes_before_the_top(tmp_path):
    """In a src layout `src` is where imports start; from the top, `src.app` would be another module than `app`."""
    write(tmp_path, "pyproject.toml", "src/app/__init__.py", "src/app/main.py", "setup.py")
    assert found([str(tmp_path)], Settings()).roots[:2] == (str(tmp_path / "src"), str(tmp_path))


def test_packages_deeper_down_have_roots_of_their_own(tmp_path):
    """Each service of a monorepo imports from its own folder."""
    write(tmp_path, "pyproject.toml", "services/shop/shop/__init__.py", "services/shop/shop/main.py")
    assert str(tmp_path / "services" / "shop") in found([str(tmp_path)], Settings()).roots


def test_environments_and_caches_are_left_out(tmp_path):
    """Somebody else's code is not the project's, wherever it lies."""
    write(tmp_path, "pyproject.toml", "app.py", "odd/pyvenv.cfg", "odd/lib.py", "node_modules/x.py", ".venv/y.py")
    assert found([str(tmp_path)], Settings()).files == (str(tmp_path / "app.py"),)


def test_excluded_patterns_are_left_out(tmp_path):
    """A pattern names a folder, or a file by its path below the top."""
    write(tmp_path, "pyproject.toml", "app.py", "vendor/x.py", "gen/a_pb2.py")
    project = found([str(tmp_path)], Settings(exclude=("vendor", "gen/*_pb2.py")))
    assert project.files == (str(tmp_path / "app.py"),)


def test_named_file_brings_its_project(tmp_path):
    """A single file is reported on, and the whole project is read: its helpers may be anywhere."""
    write(tmp_path, "pyproject.toml", "app.py", "helper.py")
    project = found([str(tmp_path / "app.py")], Settings())
    assert set(project.files) == {str(tmp_path / "app.py"), str(tmp_path / "helper.py")}
    assert project.reported == {str(tmp_path / "app.py")}


def test_environment_beside_the_project_is_used(tmp_path):
    """A .venv in the project tells which packages and which Python it has, without running it."""
    write(tmp_path, "pyproject.toml", "app.py", ".venv/lib/python3.12/site-packages/x.py")
    project = found([str(tmp_path)], Settings(environment=str(tmp_path / ".venv")))
    assert project.python_version == "3.12"
    assert project.site_packages == (str(tmp_path / ".venv/lib/python3.12/site-packages"),)


def test_environment_is_known_by_its_whole_path(tmp_path, monkeypatch):
    """The type checker runs in a folder of its own, where a relative path would lead elsewhere."""
    write(tmp_path, "pyproject.toml", "app.py", "other/lib/python3.12/site-packages/x.py")
    monkeypatch.chdir(tmp_path)
    sites = found(["app.py"], Settings(environment="other")).site_packages
    assert sites == (str(tmp_path / "other/lib/python3.12/site-packages"),)


def test_folder_is_looked_at_once_for_being_a_package(tmp_path, monkeypatch):
    """An answer from the cache takes a fraction of a second, and what lies above a package is shared by all below it."""
    write(tmp_path, "pyproject.toml", "a/__init__.py", *(f"a/{name}/__init__.py" for name in "bcde"))
    looked, exists = Counter(), Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: looked.update([path]) or exists(path))
    assert str(tmp_path) in found([str(tmp_path)], Settings()).roots
    asked = {
        str(path): times for path, times in looked.items() if path.name == "__init__.py" and tmp_path in path.parents
    }
    assert asked == {str(tmp_path / name / "__init__.py"): 1 for name in (".", "a", "a/b", "a/c", "a/d", "a/e")}


def test_package_goes_before_a_folder_of_its_name(tmp_path):
    """In `shop/shop/__init__.py` the inner folder is the package; the outer one must not hide it as a namespace."""
    write(tmp_path, "pyproject.toml", "shop/load.py", "shop/shop/__init__.py", "shop/shop/main.py")
    assert found([str(tmp_path)], Settings()).roots[:2] == (str(tmp_path / "shop"), str(tmp_path))


ADDING = {
    "site.addsitedir(str(Path(__file__).resolve().parents[0] / 'lib'))": "lib",
    "sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))": "lib",
    "sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + '')": None,
    "HERE = os.path.dirname(__file__)\nsys.path.append(os.path.join(HERE, '..', 'other'))": "../other",
    "sys.path.append(str(Path(__file__).parent.joinpath('lib')))": "lib",
    "HERE = HERE\nsys.path.append(HERE)": None,
    "sys.path.append(os.environ['HERE'])": None,
    "sys.path.append(str(Path(__file__).parents[400]))": None,
    "sys.path.append(str(Path(__file__).parent / 'nowhere'))": None,
    "sys.path.append(": None,
}
"""What a file writes, and the folder that it adds, seen from its own; None where no folder of the project is told."""


@pytest.mark.parametrize("text", ADDING)
def test_folder_that_code_adds_to_the_path_is_a_root(tmp_path, text):
    """Imports start also where a file puts its own folder, or one beside it, on the path; what is not told is not guessed."""
    write(tmp_path, "pyproject.toml", "app/__init__.py", "app/lib/a/b.txt", "other/a/b.txt")
    (tmp_path / "app/main.py").write_text(f"import os, site, sys\nfrom pathlib import Path\n{text}\n")
    folder = ADDING[text]
    wanted = [str((tmp_path / "app" / folder).resolve())] if folder else []
    assert found([str(tmp_path)], Settings()).roots == (str(tmp_path), *wanted)


def test_package_in_one_of_its_name_is_found_where_it_is_added(tmp_path):
    """`outer/shop/shop` is the package of that name once `outer/shop` is on the path; the outer one is `outer.shop` then."""
    write(tmp_path, "pyproject.toml", "outer/shop/__init__.py", "outer/shop/shop/__init__.py")
    (tmp_path / "outer/shop/setup.py").write_text("import site, os\nsite.addsitedir(os.path.dirname(__file__))\n")
    assert found([str(tmp_path)], Settings()).roots == (str(tmp_path), str(tmp_path / "outer/shop"))


@pytest.mark.parametrize(
    ("named", "shown"),
    [
        ("", {"examples/chat.py", "examples/__init__.py", "part/examples/__init__.py"}),
        ("examples", set()),
        ("examples/chat.py", set()),
    ],
)
def test_examples_are_folders_that_nobody_names_and_nobody_imports(tmp_path, named, shown):
    """A folder of examples is one by its name, unless it is a package in a package or what the user asks about."""
    write(
        tmp_path,
        "pyproject.toml",
        "app/docs/__init__.py",
        "app/docs/routes.py",
        "examples/__init__.py",
        "examples/chat.py",
        "examples/a/b.py",
        "part/examples/__init__.py",
        "app/__init__.py",
        "app/examples/__init__.py",
    )
    shown = shown and shown | {"examples/a/b.py"}
    found_here = demos(found([str(tmp_path / named)], Settings()))
    assert found_here == {str(tmp_path / name) for name in shown}
