"""One file and one .tcss per screen."""
