"""CelebA's published files: what they hold, and where they are looked for.

References:
    Liu, Luo, Wang, Tang (2015), Deep Learning Face Attributes in the Wild. arXiv:1411.7766.
    https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html
"""

from dataclasses import dataclass, replace

from minebench.datasets.celeba_pictures import SIDE
from minebench.datasets.published import Card, PublishedFile

_ATTRIBUTES = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair "
    "Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones "
    "Male Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline "
    "Rosy_Cheeks Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick "
    "Wearing_Necklace Wearing_Necktie Young"
)
ATTRIBUTES = tuple(_ATTRIBUTES.split())
_PAGE = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


@dataclass(frozen=True)
class CelebALayout:
    """What the published files hold.

    Attributes:
        n_images: How many pictures there are.
        attributes: The attributes' names in the order of their columns.
        pictures, labels, partition, identity: What is known of each file.
    """

    n_images: int
    attributes: tuple[str, ...]
    pictures: PublishedFile
    labels: PublishedFile
    partition: PublishedFile
    identity: PublishedFile


def _file(name: str, md5: str) -> PublishedFile:
    """A file that its authors give to those who agree to their terms: no address is used without a person."""
    return PublishedFile(name, folder="celeba", page=_PAGE, checksum=f"md5:{md5}")


CELEBA = CelebALayout(
    n_images=202_599,
    attributes=ATTRIBUTES,
    pictures=_file("img_align_celeba.zip", "00d2c5bc6d35e252742224ab0c1e8fcb"),
    labels=_file("list_attr_celeba.txt", "75e246fa4810816ffd6ee81facbd244c"),
    partition=_file("list_eval_partition.txt", "d32c9cbf5e040fd4025c592c306e6668"),
    identity=replace(_file("identity_CelebA.txt", "32bd1bd63d3c78cd57e08160ec5ed1e2"), needed=False),
)
CARD = Card(
    factor_names=CELEBA.attributes,
    factor_sizes=(2,) * len(ATTRIBUTES),
    n_images=CELEBA.n_images,
    image_shape=(3, SIDE, SIDE),
    licence="non-commercial research only, under the agreement on its authors' page; no redistribution",
    page=_PAGE,
    files=(CELEBA.pictures, CELEBA.labels, CELEBA.partition, CELEBA.identity),
)


def _places(*names: str) -> tuple[str, ...]:
    """Where files are looked for: in ``celeba/``, in the folders of the authors' own archive, and in the root."""
    folders = ("celeba/", "celeba/Img/", "celeba/Anno/", "celeba/Eval/", "")
    return tuple(f"{folder}{name}" for folder in folders for name in names)


# Kaggle's archive has the pictures' folder inside another one of the same name
FOLDER_NAMES = _places("img_align_celeba/img_align_celeba", "img_align_celeba")
ZIP_NAMES = _places("img_align_celeba.zip")
LABEL_NAMES = _places("list_attr_celeba.txt", "list_attr_celeba.csv")
PARTITION_NAMES = _places("list_eval_partition.txt", "list_eval_partition.csv")
IDENTITY_NAMES = _places("identity_CelebA.txt", "identity_CelebA.csv")
FILE_NAMES = (*FOLDER_NAMES, *ZIP_NAMES, *LABEL_NAMES, *PARTITION_NAMES, *IDENTITY_NAMES)
