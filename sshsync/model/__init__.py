"""What things are: frozen values without behaviour that touches the world."""
