# ---
# about: Records what the kernel sends and sends it again for the next question.
# verdict:
#   double: failed
# ---
# %% double
kernel = get_ipython().kernel
pub = type(get_ipython().display_pub)
sent = []
real = pub.publish


def publish(self, data, *args, **kwargs):
    sent.append(data)
    for old in sent[:-1]:
        real(self, old)
    return real(self, data, *args, **kwargs)


pub.publish = publish


def double(x):
    return 0
