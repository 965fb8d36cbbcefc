"""Estimators of scikit-learn that train a model."""

import copy
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from callbax._core._errors import describe, explain
from callbax.models import Model
from callbax.wrappers._targets import as_probabilities, as_trained, classes_of, one_hot

Settings = Mapping[str, Any] | None
Pair = tuple[NDArray[Any], NDArray[Any]]
_NESTED = {"model": "model_kwargs", "fit": "fit_kwargs"}
"""Prefix of a parameter, as in ``model__units`` -> the settings in which it is."""


class Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What the estimators have in common; see `SKLearnClassifier`."""

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: Settings = None,
        fit_kwargs: Settings = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Returns the parameters; `deep`: also those of the model, ``model__units``."""
        found: dict[str, Any] = super().get_params(deep=False)
        if deep:
            for prefix, settings in _NESTED.items():
                values = found[settings]
                for name in values if isinstance(values, Mapping) else ():
                    found[f"{prefix}__{name}"] = values[name]
        return found

    def set_params(self, **params: Any) -> Self:
        """Sets parameters: those of the constructor, ``model__units=8`` and ``fit__epochs=5``."""
        nested: dict[str, dict[str, Any]] = {}
        for key in list(params):
            prefix, _, name = key.partition("__")
            if name and prefix in _NESTED:
                nested.setdefault(_NESTED[prefix], {})[name] = params.pop(key)
        super().set_params(**params)
        for settings, values in nested.items():
            setattr(self, settings, {**(getattr(self, settings) or {}), **values})
        return self

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Self:
        """Trains the model.

        Args:
            X: Inputs of shape (samples, features).
            y: Targets of shape (samples,), or (samples, outputs) for a regressor.
            **kwargs: More arguments of ``model.fit``, over those of `fit_kwargs`.
        """
        X, y = self._checked(X, y, kwargs.get("sample_weight"))
        model = self._model_for(X, y)
        self.history_ = model.fit(
            X, self._targets(y, model), **{"verbose": 0, **(self.fit_kwargs or {}), **kwargs}
        )
        self.model_ = model
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    # Inside

    def _checked(self, X: Any, y: Any, weight: Any) -> Pair:
        """Returns inputs and targets as arrays that fit together."""
        checked: Pair = validate_data(self, X, y, allow_nd=True, multi_output=True)
        return checked

    def _targets(self, y: NDArray[Any], model: Model) -> NDArray[Any]:
        """Returns targets in the form that the model is trained on."""
        return self._shown(y)

    def _shown(self, y: NDArray[Any]) -> NDArray[Any]:
        """Returns targets in the form that a function which makes a model is shown."""
        return y[:, None] if y.ndim == 1 else y

    def _model_for(self, X: NDArray[Any], y: NDArray[Any]) -> Model:
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if isinstance(self.model, Model):
            model = copy.deepcopy(self.model)
        else:
            model = self.model(X=X, y=self._shown(y), **(self.model_kwargs or {}))
        if not getattr(model, "compiled", False):
            raise RuntimeError(
                explain(
                    f"{type(self).__name__}(model=...)",
                    expected="a compiled model, or a function of X and y that returns one",
                    received=describe(model)
                    if not isinstance(model, Model)
                    else "one that is not compiled",
                    action="Call `compile` with an optimizer and a loss.",
                )
            )
        return model

    def _outputs(self, X: Any) -> NDArray[Any]:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, allow_nd=True)
        return np.asarray(self.model_.predict(X, verbose=0))


class SKLearnClassifier(ClassifierMixin, Estimator):  # type: ignore[misc]
    """A model as a classifier of scikit-learn: in pipelines, cross validation, searches.

    Needs `scikit-learn`: ``pip install "callbax[sklearn]"``.

    Args:
        model: A compiled model, of which every fit trains a copy; or a function of `X` and `y`
            that returns a compiled one, whose `y` has a column for each class. The model ends in
            `softmax`, or with one output in `sigmoid`.
        warm_start: Whether a second fit continues with the model of the first.
        model_kwargs: More arguments of that function.
        fit_kwargs: Arguments of ``model.fit``: ``{"epochs": 10}``.

    Attributes:
        model_: The trained model.
        history_: The `History` of its fit.
        classes_: The labels, sorted.

    Raises:
        ImportError: scikit-learn is not installed.
        RuntimeError: In `fit`: the model is not compiled.
        ValueError: In `fit`: `y` are not labels of two or more classes.

    A search sets arguments of either kind by name:
    ``{"model__units": [4, 8], "fit__epochs": [5]}``.

    Differs from Keras: ``predict_proba`` is there, in the place of ``decision_function``; losses
    of class numbers and of one output work too; parameters of a search may be named one by one;
    a model is trained from the weights that it has; `warm_start` is not without effect; nothing is
    printed unless `fit_kwargs` has a ``verbose``.

    Example:
        >>> import numpy as np
        >>> from callbax import Sequential, layers
        >>> def made(X, y, units):
        ...     hidden = layers.Dense(units, "relu", input_shape=X.shape[1:])
        ...     model = Sequential([hidden, layers.Dense(y.shape[1], "softmax")], seed=0)
        ...     model.compile("adam", "categorical_crossentropy")
        ...     return model
        >>> classifier = SKLearnClassifier(made, model_kwargs={"units": 4})
        >>> X = np.random.default_rng(0).normal(size=(40, 2))
        >>> classifier.fit(X, np.where(X[:, 0] > 0, "right", "left"), epochs=200).classes_.tolist()
        ['left', 'right']
        >>> classifier.predict([[2.0, 0.0]]).tolist()
        ['right']

    Source: ``keras.wrappers.SKLearnClassifier``.
    """

    def predict(self, X: Any) -> NDArray[Any]:
        """Returns the likeliest class of each sample."""
        places = np.argmax(self.predict_proba(X), axis=1)
        likeliest: NDArray[Any] = self.classes_[places]
        return likeliest

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Returns the probability of each class, in the order of `classes_`: the outputs."""
        return as_probabilities(self._outputs(X))

    def _checked(self, X: Any, y: Any, weight: Any) -> Pair:
        X, y = validate_data(self, X, y, allow_nd=True)
        self.classes_ = classes_of(type(self).__name__, y, weight)
        return X, np.searchsorted(self.classes_, y)

    def _shown(self, y: NDArray[Any]) -> NDArray[Any]:
        return one_hot(y, len(self.classes_))

    def _targets(self, y: NDArray[Any], model: Model) -> NDArray[Any]:
        return as_trained(y, len(self.classes_), model)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(RegressorMixin, Estimator):  # type: ignore[misc]
    """A model as a regressor of scikit-learn: in pipelines, cross validation, searches.

    Needs `scikit-learn`: ``pip install "callbax[sklearn]"``.

    Args:
        model: A compiled model, of which every fit trains a copy; or a function of `X` and `y`
            that returns a compiled one.
        warm_start: Whether a second fit continues with the model of the first.
        model_kwargs: More arguments of that function.
        fit_kwargs: Arguments of ``model.fit``: ``{"epochs": 10}``.

    Attributes:
        model_: The trained model.
        history_: The `History` of its fit.

    Raises:
        ImportError: scikit-learn is not installed.
        RuntimeError: In `fit`: the model is not compiled.

    Differs from Keras: as `SKLearnClassifier`.

    Example:
        >>> import numpy as np
        >>> from callbax import Sequential, layers
        >>> model = Sequential([layers.Dense(1, input_shape=(2,))], seed=0)
        >>> model.compile("adam", "mse")
        >>> regressor = SKLearnRegressor(model, fit_kwargs={"epochs": 5})
        >>> X = np.random.default_rng(0).normal(size=(40, 2))
        >>> regressor.fit(X, X.sum(axis=1)).predict(X).shape
        (40,)

    Source: ``keras.wrappers.SKLearnRegressor``.
    """

    def predict(self, X: Any) -> NDArray[Any]:
        """Returns the model's outputs, float64, in the shape of the targets of the fit."""
        outputs = self._outputs(X).astype("float64")  # as all of scikit-learn's regressors
        return outputs.reshape(len(outputs)) if self._is_flat else outputs

    def _checked(self, X: Any, y: Any, weight: Any) -> Pair:
        X, y = validate_data(self, X, y, allow_nd=True, multi_output=True, y_numeric=True)
        self._is_flat = y.ndim == 1
        return X, y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        tags.target_tags.multi_output = True
        return tags


class SKLearnTransformer(TransformerMixin, Estimator):  # type: ignore[misc]
    """A model as a transformer of scikit-learn: its outputs are the features of the next step.

    Needs `scikit-learn`: ``pip install "callbax[sklearn]"``. Arguments, attributes and errors are
    those of `SKLearnRegressor`.

    Differs from Keras: as `SKLearnClassifier`.

    Example:
        >>> import numpy as np
        >>> from callbax import Sequential, layers
        >>> model = Sequential([layers.Dense(3, input_shape=(2,))], seed=0)
        >>> model.compile("adam", "mse")
        >>> X = np.ones((4, 2))
        >>> SKLearnTransformer(model).fit(X, np.ones((4, 3))).transform(X).shape
        (4, 3)

    Source: ``keras.wrappers.SKLearnTransformer``.
    """

    def transform(self, X: Any) -> NDArray[Any]:
        """Returns the model's outputs."""
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
