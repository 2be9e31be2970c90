# ---
# about: Collects results in the order in which the threads end.
# loses: {threads: 1}
# ---
# %% threads
def in_threads(jobs):
    context, ret = acl.rt.get_context()
    check(ret, "get_context")
    results = []

    def run(job):
        acl.rt.set_context(context)
        results.append(job())

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
