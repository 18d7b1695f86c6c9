"""A headless browser for the tests, if there is one: Node, Chromium and playwright-core.

npm fetches playwright-core once.
"""

import json, os, secrets, shutil, signal, socket, subprocess, sys, tempfile, time, urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat

root = Path(__file__).resolve().parent.parent
playwright = "1.65.1"
# Of whatever is waited for: it ends what hangs, and a busy machine does not reach it.
limit_s = 1800
names = "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"


class Skipped(Exception):
    "A test that cannot run here, with the reason."


def find():
    "Node, Chromium and the folder of playwright-core."
    node, npm = shutil.which("node"), shutil.which("npm")
    chromium = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not node or not npm:
        raise Skipped("no Node.js here")
    if not chromium:
        raise Skipped("no Chromium here; name one with CHROMIUM=/path/to/it")
    kept = Path(sys.prefix) / f"playwright-core-{playwright}"
    if not (kept / "node_modules/playwright-core/package.json").exists():
        quiet = ["--silent", "--no-save", "--no-audit", "--no-fund"]
        command = [npm, "install", *quiet, "--prefix", str(kept), f"playwright-core@{playwright}"]
        kept.mkdir(exist_ok=True)
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            raise Skipped(f"npm cannot install playwright-core {playwright}")
    return node, chromium, kept / "node_modules/playwright-core"


def run(script, *args):
    "Run a script of scripts/ in Node; it writes {problems, said} as its last line."
    node, chromium, module = find()
    env = os.environ | dict(CHROMIUM=chromium, PLAYWRIGHT=str(module))
    command = [node, str(root / "scripts" / script), *map(str, args)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=limit_s)
    if done.returncode:
        return [f"{script} failed:", *done.stderr.splitlines()[:20]], ""
    said = json.loads(done.stdout.splitlines()[-1])
    return said["problems"], said["said"]


@contextmanager
def jupyterlab(folder):
    "Start a JupyterLab that shows `folder` and leaves no trace; yields its address and token."
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port, token = s.getsockname()[1], secrets.token_hex(16)
        s.close()  # JupyterLab takes it
        wanted = {
            # else cells out of sight are not in the page
            "notebook-extension/tracker": dict(windowingMode="none"),
            "apputils-extension/notification": dict(fetchNews="false", checkForUpdates=False),
        }
        for name, said in wanted.items():
            path = Path(home) / "lab" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(said))
        env = os.environ | dict(
            JUPYTER_CONFIG_DIR=home,
            JUPYTER_DATA_DIR=home,
            JUPYTER_RUNTIME_DIR=home,
            JUPYTERLAB_SETTINGS_DIR=f"{home}/lab",
            JUPYTERLAB_WORKSPACES_DIR=f"{home}/spaces",
            IPYTHONDIR=home,
            OMP_NUM_THREADS="1",
            TQDM_DISABLE="1",
        )
        env.pop("IN_TEST", None)
        command = [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            f"--port={port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={folder}",
            f"--IdentityProvider.token={token}",
            "--LabApp.news_url=None",
            "--LabApp.extension_manager=readonly",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ]
        server = subprocess.Popen(
            command,
            env=env,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            end = time.monotonic() + limit_s
            while time.monotonic() < end:
                if server.poll() is not None:
                    raise RuntimeError(f"JupyterLab ended with exit code {server.returncode}")
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=limit_s).close()
                    break
                except OSError:
                    time.sleep(0.25)
            else:
                raise TimeoutError(f"JupyterLab did not start within {limit_s} s")
            yield f"http://127.0.0.1:{port}", token
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)


def run_in_lab(path):
    "Run all cells of a notebook in JupyterLab: no cell fails, and every stored figure appears."
    find()  # before anything is started
    nb = nbformat.read(path, as_version=4)
    figures = 0
    for c in nb.cells:
        if c.cell_type == "code":
            figures += sum("image/png" in o.get("data", {}) for o in c.outputs)
            c.outputs = []
    # else JupyterLab asks which
    nb.metadata.kernelspec = dict(
        name="python3", display_name="Python 3 (ipykernel)", language="python"
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as d:
        left_out = shutil.ignore_patterns("*.ipynb", "_quarto.yml", ".*")
        shutil.copytree(path.parent, d, dirs_exist_ok=True, ignore=left_out)
        nbformat.write(nb, Path(d) / path.name)
        with jupyterlab(d) as (address, token):
            return run("check_lab.js", address, token, path.name, figures, limit_s - 60)
