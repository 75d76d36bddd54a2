"""The models that a service lists: names, kinds and prices."""
