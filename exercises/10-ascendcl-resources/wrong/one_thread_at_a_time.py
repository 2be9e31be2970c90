# ---
# about: Waits for each thread before it starts the next.
# loses: {threads: 1}
# ---
# %% threads
def in_threads(jobs):
    context, _ = acl.rt.get_context()
    results = []

    def run(job):
        acl.rt.set_context(context)
        results.append(job())

    for job in jobs:
        thread = threading.Thread(target=run, args=(job,))
        thread.start()
        thread.join()
    return results
