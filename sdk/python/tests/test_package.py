"""What is installed: a wheel and an sdist, built and used outside the repository, without a network."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]

# As a stranger's program begins: `import worldstep` registers the id, and so does the id itself.
PROGRAM = """
import sys, gymnasium
name, url, world = sys.argv[1:]
env = gymnasium.make(name, url=url, world=world)
env.reset(seed=1)
env.step(env.action_space.sample())
envs = gymnasium.make_vec(name, num_envs=2, url=url, world=world)
envs.reset(seed=1)
import worldstep
print(worldstep.__file__, type(env.unwrapped).__name__, type(envs).__name__)
env.close(), envs.close()
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with both, built by what pip builds with."""
    if importlib.util.find_spec("hatchling") is None and not os.environ.get("CI"):
        pytest.skip("no hatchling: pip install '.[test]'")
    folder = tmp_path_factory.mktemp("built")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=HERE, check=True, capture_output=True)
    return folder


def test_the_wheel_works_from_anywhere(built, tmp_path, url, dream):
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
        names = archive.namelist()
    [metadata] = tmp_path.glob("*.dist-info/METADATA")
    said = metadata.read_text("utf8")
    assert "License-Expression: MIT" in said and "Requires-Dist: websockets>=15" in said and "Requires-Python: >=3.9" in said
    assert "# worldstep for Python" in said
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests") for name in names)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    # `module:id` imports the module; the bare id needs the import.
    for name, first in (("worldstep:worldstep/World-v0", ""), ("worldstep/World-v0", "import worldstep")):
        command = [sys.executable, "-c", f"{first}\n{PROGRAM}", name, url, dream]
        told = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout
        assert told.split() == [str(tmp_path / "worldstep" / "__init__.py"), "WorldstepEnv", "WorldstepVectorEnv"]


def test_the_sdist_is_whole(built):
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    ours = {str(file.relative_to(HERE)) for file in HERE.glob("worldstep/*.py")}
    assert ours | {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO"} <= names
