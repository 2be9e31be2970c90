# ---
# about: Looks at no code, and takes the pointer of an array that is not in one piece.
# loses: {copy: 2}
# ---
# %% copy
def there_and_back(array):
    size, copy = array.nbytes, np.zeros(array.shape, array.dtype)
    address, _ = acl.rt.malloc(size, 0)
    acl.rt.memcpy(address, size, acl.util.numpy_to_ptr(array), size, HOST_TO_DEVICE)
    acl.rt.memcpy(acl.util.numpy_to_ptr(copy), size, address, size, DEVICE_TO_HOST)
    return address, copy
