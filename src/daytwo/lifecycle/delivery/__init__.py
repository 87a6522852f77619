"""How versions get out: the flows that carry them seen and steered (`flow_list`, `steering`), and the go-live plan."""
