__version__ = "0.1.0"


def load(run, device="cpu", best=False):
    "The encoder of a finished run with its preprocessing: `sagvicreg.train.export.load_run`."
    from .train.export import load_run      # here, so that `import sagvicreg` does not wait for torch
    return load_run(run, device, best)
