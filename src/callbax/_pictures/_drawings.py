"""All that is drawn, in one place for those who load it."""

from callbax._pictures._confusion import draw_confusion
from callbax._pictures._costs import draw_costs
from callbax._pictures._curves import draw_history
from callbax._pictures._rates import draw_rates


class Drawings:
    """The pictures; each is drawn into a new figure or into axes, and returned as a figure."""

    draw_history = staticmethod(draw_history)
    draw_costs = staticmethod(draw_costs)
    draw_rates = staticmethod(draw_rates)
    draw_confusion = staticmethod(draw_confusion)
