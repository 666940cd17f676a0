"""The recipes of `scripts/reproduce.py`: a file for each paper or post."""

from recipes import (
    burda,
    dohmatob,
    kingma_welling,
    li_turner,
    residentmario,
    starling,
    vafajardo,
)

RECIPES = {
    "dohmatob": dohmatob.RECIPE,
    "vafajardo": vafajardo.RECIPE,
    "starling": starling.RECIPE,
    "residentmario": residentmario.RECIPE,
    "kingma-welling": kingma_welling.RECIPE,
    "burda": burda.RECIPE,
    "li-turner": li_turner.RECIPE,
}
