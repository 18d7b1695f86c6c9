// The search shows a line of each page it finds, which it has to fetch; browsers forbid that where pages are opened as files.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
