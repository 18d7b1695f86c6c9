"""SAG-VICReg and a label-free metric for the global structure of embeddings.

Each public name is imported when it is first used, so `import sagvicreg` does not load torch.
This file and `__init__.pyi` are kept by hand; nbdev rewrites the version only."""
__version__ = "0.1.0"

_PUBLIC = {                      # name: where it is defined
    "structure_similarity": "metrics.similarity:structure_similarity",
    "rdm_correlation": "metrics.similarity:rdm_correlation",
    "compare": "metrics.report:compare",
    "compare_many": "metrics.report:compare_many",
    "load_embeddings": "embeddings:load_embeddings",
    "align": "embeddings:align",
    "score_difference": "metrics.uncertainty:score_difference",
    "subsampling": "metrics.uncertainty:subsampling",
    "permutation_null": "metrics.uncertainty:permutation_null",
    "affinity": "graph.affinity:affinity",
    "RandomWalkPairs": "graph.walk:RandomWalkPairs",
    "VICReg": "methods.vicreg:VICReg",
    "SAGVICReg": "methods.vicreg:SAGVICReg",
    "Recipe": "training.recipe:Recipe",
    "preset": "training.recipe:preset",
    "train": "training.fit:train",
    "embed_views": "features:embed_views",
    "load_views": "features:load_views",
    "train_head": "training.heads:train_head",
    "load": "training.export:load_model",
    "embed": "training.export:embed",
    "digits": "data.datasets:digits",
    "cifar100": "data.datasets:cifar100",
    "image_folder": "data.datasets:image_folder",
}
__all__ = list(_PUBLIC)


def __dir__():
    return sorted(globals().keys() | _PUBLIC.keys())


def __getattr__(name):
    if name in _PUBLIC:
        from pkgutil import resolve_name
        globals()[name] = resolve_name(f"{__name__}.{_PUBLIC[name]}")
        return globals()[name]
    message = f"module {__name__!r} has no attribute {name!r}"
    if not name.startswith("_"):
        from difflib import get_close_matches
        near = get_close_matches(name, _PUBLIC, 1)
        message += f"; the nearest is {near[0]!r}" if near else ""
    raise AttributeError(message, name=name)
