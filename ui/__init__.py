"""The Streamlit page. Screens only; everything else is `assistant.app.App`."""
