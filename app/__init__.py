"""Streamlit pages over `search` and `catalog`; `vitrine app` serves the installation VITRINE_HOME.

main             the script that Streamlit runs
search_page      widgets from `controls`, results as `cards`, one product as `product_view`
compare_page     one query, searched by several systems side by side
judge_page       the pooled results of the columns are judged by `judging`; `judge_results`, what
                 that shows
projection_page  a sample of the collection on a plane, with a query among its results
catalogue_page   the feed, the collections, the jobs; `variant_details`, `picture_retry`,
                 `search_log`, `report_view` and `sizes` are parts
state            a search's state as the address bar's parameters; `address_bar` keeps both in step
bench_state      what the workbench compares and judges, as parameters; `bench_address` keeps it
bench_page       how each of its pages begins
bench_query      the workbench's query, typed or of a file; `bench_columns`, what searches it
connection       which may drop: the address that the browser has missed
links            to other states, without loading the page anew
focus            where the browser's focus goes when another view is shown
offered_filters  filters that the words may mean; `chosen_filters`, those that are set
examples         what can be searched for
suggestion_list  what the typed words may become
query_picture    the picture of a query; `uploads` keeps those that were uploaded
crop_box         the part of it that counts
reasons          why a product was found; `no_results`, what helps where nothing is
thumbnails       pictures as cards show them
audience         visitors of a shop, or its operators
installation     the open shop, and what is shown where nothing can be searched
errors           errors as one sentence in place of the item that failed
escaping         untrusted text on a page that reads Markdown
page.js          drops and pastes, roles and names for screen readers

Text from products, addresses and errors is untrusted: `st.text` shows it as it is, and elsewhere
`escaping` makes it plain text. Streamlit puts this folder first on the import path, so no module
here has the name of a package.
"""
