# ---
# about: Copies back with the direction to the device.
# loses: {copy: 4}
# ---
# %% copy
def there_and_back(array):
    array = np.ascontiguousarray(array)
    size, copy = array.nbytes, np.zeros_like(array)
    address, ret = acl.rt.malloc(size, 0)
    check(ret, "malloc")
    check(acl.rt.memcpy(address, size, acl.util.numpy_to_ptr(array), size, 1), "there")
    check(acl.rt.memcpy(acl.util.numpy_to_ptr(copy), size, address, size, 1), "back")
    return address, copy
