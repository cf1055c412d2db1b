"""The error tree: one root, exit codes, texts."""

from __future__ import annotations

import inspect

import pytest

from abis import errors

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == "abis.errors"]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_has_the_one_root_and_a_code(cls: type[errors.BreakwaterError]) -> None:
    assert issubclass(cls, errors.BreakwaterError)
    expected = 2 if issubclass(cls, errors.InputError) else 3 if issubclass(cls, errors.ChainError) else 1
    assert cls.exit_code == expected
    assert issubclass(cls, ValueError) == issubclass(cls, errors.InputError)


@pytest.mark.parametrize("cls", CLASSES)
def test_the_tree_in_the_docstring_names_every_class(cls: type) -> None:
    assert errors.__doc__ is not None
    assert cls.__name__ in errors.__doc__


def test_the_remedy_comes_last() -> None:
    error = errors.UnknownAsset("asset 'WEHT' is not listed.", remedy="Nearest: WETH.")
    assert str(error) == "asset 'WEHT' is not listed. Nearest: WETH."
    assert error.remedy == "Nearest: WETH."


def test_retryable_is_carried() -> None:
    assert errors.RpcFailed("429", retryable=True).retryable
