"""Trees that other libraries grew, written down exactly as LightGBM's text: data, that our engines walk and explain."""
