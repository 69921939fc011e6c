"""As in pytrickle."""
