"""A report of windows: `content` holds it, `page` shows it, `report` has its forms, `making` makes it of frames."""
