"""The shop window: Streamlit pages over `search` and `catalog`.

`vitrine app` serves the shop that VITRINE_HOME names. Streamlit puts this
folder first on the import path, so no module here bears the name of a room.

Whatever comes from products, addresses and errors is data: it is shown by `st.text`, or made
harmless by `app.escaping.escape` where Streamlit reads Markdown.
"""
