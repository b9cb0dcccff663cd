"""Whether a server can be reached, found out in seconds."""

import threading
import time
import urllib.error
import urllib.request


def reachable(urls, seconds=4.0):
    """Whether one of the servers answers in time, proxies included.

    Args:
        urls: addresses to ask, all at once.
        seconds: how long to wait.

    Returns:
        bool.

    Example:

    ```python
    reachable(["https://www.tensorflow.org"])
    ```
    """
    answered = threading.Event()

    def ask(url):
        # Over https an error status is the server's own, not a proxy's.
        url = url.replace("http://", "https://", 1)
        try:
            request = urllib.request.Request(url, method="HEAD")
            urllib.request.urlopen(request, timeout=seconds).close()
        except urllib.error.HTTPError:
            pass
        except (OSError, ValueError):
            return
        answered.set()

    # Threads bound the time of name look-ups too, which have no timeout.
    threads = [
        threading.Thread(target=ask, args=(url,), daemon=True) for url in urls
    ]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if answered.wait(0.05) or time.monotonic() > deadline:
            break
    return answered.is_set()
