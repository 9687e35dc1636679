"""The dashboard's entry: `streamlit run streamlit_app.py`."""

from dashboard.app import run

run()
