"""How tests start Python as an installed daytwo has it: without what only development brings."""

# LightGBM would load scikit-learn and pandas where they are, for seconds.
LEAN = "import sys; sys.modules |= dict.fromkeys(('sklearn', 'pandas', 'matplotlib'))\n"
# The command line, as `python -c` takes it.
DOOR = LEAN + "from daytwo.cli.main import main; sys.argv[0] = 'daytwo'; main()"
