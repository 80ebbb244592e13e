//! HS256 and nothing else for jsonwebtoken: its own providers bring RSA and three curves along, and would double the
//! Worker's size.

use hmac::{Hmac, Mac};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwkUtils, JwtSigner, JwtVerifier},
    errors::{ErrorKind, Result},
    signature::{Error, Signer, Verifier},
};
use sha2::Sha256;

/// Makes jsonwebtoken sign and verify with this module. Only the first call matters.
pub fn install() {
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key: &EncodingKey| Ok(Box::new(mac(*algorithm, key.try_get_hmac_secret()?)?)),
        verifier_factory: |algorithm, key: &DecodingKey| Ok(Box::new(mac(*algorithm, key.try_get_hmac_secret()?)?)),
        jwk_utils: JwkUtils::new_unimplemented(),
    };
    // An error says that it is installed already.
    let _ = PROVIDER.install_default();
}

struct Keyed(Hmac<Sha256>);

fn mac(algorithm: Algorithm, secret: &[u8]) -> Result<Keyed> {
    if algorithm != Algorithm::HS256 {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Hmac::new_from_slice(secret).map(Keyed).map_err(|_| ErrorKind::InvalidKeyFormat.into())
}

impl Signer<Vec<u8>> for Keyed {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Keyed {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        // Compares in constant time.
        self.0.clone().chain_update(message).verify_slice(signature).map_err(|_| Error::new())
    }
}

impl JwtSigner for Keyed {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Keyed {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
