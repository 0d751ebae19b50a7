import pytest

from training.algorithm.errors import InputError
from training.algorithm.hyperparameters import WITHOUT_EFFECT, Hyperparameters, parse

REQUIRED = {"num_classes": "2", "num_training_samples": "800"}
OURS = {"hold_out", "cross_validate"}


def test_defaults_are_ours() -> None:
    hp, notes = parse(REQUIRED)
    assert hp == Hyperparameters(num_classes=2, num_training_samples=800)
    assert notes == []


def test_strings_become_numbers() -> None:
    hp, _ = parse(REQUIRED | {"image_shape": "1, 28,40", "epochs": "7", "mini_batch_size": "16", "momentum": "0.5"})
    assert (hp.image_shape, hp.epochs, hp.mini_batch_size, hp.momentum) == ((1, 28, 40), 7, 16, 0.5)


def test_no_photo_need_be_held_out_where_cross_validation_shows_how_good_the_model_is() -> None:
    hp, _ = parse(REQUIRED | {"hold_out": "0", "cross_validate": "5"})
    assert (hp.hold_out, hp.cross_validate) == (0, 5)


@pytest.mark.parametrize("name", sorted(WITHOUT_EFFECT))
def test_hyperparameters_of_the_built_in_network_are_noted(name: str) -> None:
    hp, notes = parse(REQUIRED | {name: "1"})
    assert hp == parse(REQUIRED)[0]
    assert notes == [f"Hyperparameter {name} has no effect here: {WITHOUT_EFFECT[name]}."]


def test_every_hyperparameter_of_the_built_in_algorithm_is_known() -> None:
    documented = """augmentation_type beta_1 beta_2 checkpoint_frequency early_stopping early_stopping_min_epochs
        early_stopping_patience early_stopping_tolerance epochs eps gamma image_shape kv_store learning_rate
        lr_scheduler_factor lr_scheduler_step mini_batch_size momentum multi_label num_classes num_layers
        num_training_samples optimizer precision_dtype resize top_k use_pretrained_model use_weighted_loss
        weight_decay""".split()
    known = {*Hyperparameters.__dataclass_fields__, *WITHOUT_EFFECT, "multi_label"}
    assert known - OURS == set(documented)


def test_toolkit_hyperparameters_are_passed_over() -> None:
    assert parse(REQUIRED | {"sagemaker_program": "x.py", "multi_label": "0"}) == parse(REQUIRED)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("epoch", "3", "epoch is not known. Did you mean epochs? Valid ones are num_classes, num_training_samples"),
        ("colour", "red", "colour is not known. Valid ones are"),
        ("multi_label", "1", "multi_label must be 0"),
        ("num_classes", "1", "num_classes must be a whole number of at least 2, not '1'"),
        ("num_training_samples", "0", "num_training_samples must be a whole number of at least 1"),
        ("epochs", "2.5", "epochs must be a whole number of at least 1, not '2.5'"),
        ("epochs", "²", "epochs must be a whole number"),
        ("mini_batch_size", "1", "mini_batch_size must be a whole number of at least 2"),
        ("learning_rate", "fast", "learning_rate must be a number from 0 to 1, not 'fast'"),
        ("momentum", "1.5", "momentum must be a number from 0 to 1"),
        ("weight_decay", "nan", "weight_decay must be a number from 0 to 1, not 'nan'"),
        ("hold_out", "1.1", "hold_out must be a number from 0 to 1, not '1.1'"),
        ("hold_out", "0", "With hold_out 0, nothing shows how good the model is: set hold_out above 0 or cross_val"),
        ("cross_validate", "1", "cross_validate must be 0 or a number of folds from 2 to 20, not 1"),
        ("cross_validate", "21", "cross_validate must be 0 or a number of folds from 2 to 20, not 21"),
        ("cross_validate", "yes", "cross_validate must be a whole number of at least 0, not 'yes'"),
        ("augmentation_type", "none", "must be one of crop, crop_color, crop_color_transform, not 'none'"),
        ("image_shape", "32x32", "image_shape must read channels,height,width"),
        ("image_shape", "4,32,32", "image_shape must begin with 3 (colour) or 1 (grey) channels, not 4"),
        ("image_shape", "3,15,32", "image_shape must be 16 to 224 pixels high and wide, not '3,15,32'"),
        ("image_shape", "3,32,225", "image_shape must be 16 to 224 pixels high and wide, not '3,32,225'"),
    ],
)
def test_refusals_name_the_hyperparameter(name: str, value: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(REQUIRED | {name: value})
    assert sentence in str(caught.value)


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_required_hyperparameters(name: str) -> None:
    with pytest.raises(InputError, match=f"Hyperparameter {name} is required"):
        parse({key: value for key, value in REQUIRED.items() if key != name})
