"The names that `sagvicreg` imports on first use, for type checkers and editors."
from .data.datasets import cifar100 as cifar100, digits as digits, image_folder as image_folder
from .embeddings import align as align, load_embeddings as load_embeddings
from .features import embed_views as embed_views, load_views as load_views
from .graph.affinity import affinity as affinity
from .graph.walk import RandomWalkPairs as RandomWalkPairs
from .methods.vicreg import SAGVICReg as SAGVICReg, VICReg as VICReg
from .metrics.report import compare as compare, compare_many as compare_many
from .metrics.similarity import (
    rdm_correlation as rdm_correlation,
    structure_similarity as structure_similarity,
)
from .metrics.uncertainty import (
    permutation_null as permutation_null,
    score_difference as score_difference,
    subsampling as subsampling,
)
from .training.export import embed as embed, load_model as load
from .training.fit import train as train
from .training.heads import train_head as train_head
from .training.recipe import Recipe as Recipe, preset as preset

__version__: str
