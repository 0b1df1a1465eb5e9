// SPDX-License-Identifier: MIT
// Owners of OpenSSL's objects.
#pragma once

#include <memory>

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace tutti::detail {

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const noexcept { Free(object); }
};

template <class T, void (*Free)(T*)>
using Owned = std::unique_ptr<T, Freed<T, Free>>;

using Bio = Owned<BIO, &BIO_free_all>;
using X509Pointer = Owned<X509, &X509_free>;
using SSLPointer = Owned<SSL, &SSL_free>;

}  // namespace tutti::detail
