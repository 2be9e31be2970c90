# ---
# about: Gives the number of elements where bytes are asked for.
# loses: {copy: 4}
# ---
# %% copy
def there_and_back(array):
    array = np.ascontiguousarray(array)
    count = array.size
    address, ret = acl.rt.malloc(array.nbytes, 0)
    check(ret, "malloc")
    check(acl.rt.memcpy(address, count, acl.util.numpy_to_ptr(array), count, HOST_TO_DEVICE), "there")
    copy = np.zeros(array.shape, array.dtype)
    check(acl.rt.memcpy(acl.util.numpy_to_ptr(copy), count, address, count, DEVICE_TO_HOST), "back")
    return address, copy
