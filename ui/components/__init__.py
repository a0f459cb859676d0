"""Parts of the screen that Streamlit does not ship, drawn by hand from text nodes only."""
