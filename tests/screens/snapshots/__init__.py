"""Pictures of every screen in its main states and in both sizes, compared with those in `pictures/`; see `__main__` to record anew."""
