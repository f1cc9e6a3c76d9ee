"""The samples that a network learns from and those it is scored on."""

from __future__ import annotations

from collections.abc import Sequence

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.training_config import TrainConfig
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.codecs import Codec, make_codec
from trainers.data.config import DataConfig
from trainers.data.formats.coco import Person
from trainers.data.geometry.augmentation import Augmentation
from trainers.data.prepared.image_source import held_out_pictures, training_pictures, validation_pictures
from trainers.data.prepared.prepared_set import PreparedPictures
from trainers.data.samples.dataset import TopDownDataset
from trainers.data.samples.photometric import photometric_of


def codec_for(arch: Architecture, config: TrainConfig) -> Codec:
    """The heatmap codec of a network: the paper's σ unless the hyper-parameters name one."""
    return make_codec(config.codec, input_size=arch.input_size, heatmap_size=arch.heatmap_size, sigma=config.sigma)


def augmentation_of(config: TrainConfig, keypoint_set: KeypointSet) -> Augmentation:
    """Return how the hyper-parameters vary the training samples, as far as the keypoints allow.

    Keypoints whose sides are not known are not mirrored, and bodies whose halves are not known are not halved.
    """
    return Augmentation(
        flip=config.flip_probability if keypoint_set.mirrors else 0.0,
        half_body=config.half_body_probability if keypoint_set.has_halves else 0.0,
        rotation=config.rotation_degrees,
        scale=config.scale_range,
    )


def training_set(data: DataConfig, arch: Architecture, config: TrainConfig, *, raw: bool = False) -> TopDownDataset:
    """The augmented samples to learn from; ``raw`` ones are finished on the network's device.

    Raises InvalidInput for data that cannot be read, a network for other keypoints, or a library that is not installed.
    """
    _check_keypoints(arch, data)
    people, prepared = training_pictures(data, arch.input_size)
    return TopDownDataset(
        people,
        codec_for(arch, config),
        keypoint_set=data.keypoint_set,
        augmentation=augmentation_of(config, data.keypoint_set),
        photometric=photometric_of(config.photometric),
        seed=config.seed,
        prepared=prepared,
        on_orientation=data.on_orientation,
        normalisation=arch.NORMALISATION,
        raw=raw,
    )


def validation_set(data: DataConfig, arch: Architecture, config: TrainConfig, *, raw: bool = False) -> TopDownDataset:
    """The plain samples to be scored on; ``raw`` ones are finished on the network's device."""
    _check_keypoints(arch, data)
    people = data.validation_people()
    return _plain(data, arch, config, people, validation_pictures(data, people, arch.input_size), raw=raw)


def plain_training_set(
    data: DataConfig, arch: Architecture, config: TrainConfig, people: Sequence[Person], *, raw: bool = False
) -> TopDownDataset:
    """The plain samples of some people of the training split; ``raw`` ones are finished on the network's device."""
    _check_keypoints(arch, data)
    return _plain(data, arch, config, people, held_out_pictures(data, people, arch.input_size), raw=raw)


def _plain(
    data: DataConfig,
    arch: Architecture,
    config: TrainConfig,
    people: Sequence[Person],
    prepared: PreparedPictures | None,
    *,
    raw: bool,
) -> TopDownDataset:
    """Samples that do not vary."""
    return TopDownDataset(
        people,
        codec_for(arch, config),
        keypoint_set=data.keypoint_set,
        prepared=prepared,
        on_orientation=data.on_orientation,
        normalisation=arch.NORMALISATION,
        raw=raw,
    )


def _check_keypoints(arch: Architecture, data: DataConfig) -> None:
    expected = data.keypoint_set
    if arch.keypoints != expected.count:
        raise InvalidInput(f"keypoints of the network must be {expected.count}, as in {expected.name}, got {arch.keypoints}")
