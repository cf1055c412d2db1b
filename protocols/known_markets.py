"""The markets that have a name without anybody configuring one.

Sources: the Aave address book (aave-dao/aave-address-book 4.68.1, src/AaveV3*.sol and
AaveV2*.sol) and the Spark address registry (sparkdotfi/spark-address-registry,
src/SparkLend.sol and src/Gnosis.sol) for addresses; Chainlink's ETH / USD proxies
(data.chain.link) for feeds; chain ids as registered at chainlist.org.
"""

from __future__ import annotations

from typing import NamedTuple


class Listed(NamedTuple):
    """One market: its name, protocol, chain and contracts.

    Parameters
    ----------
    name, protocol : str
        Registry name, which begins with the protocol.
    chain_id : int
        Chain it lives on.
    address : str
        Entry point: on Aave v3 and Spark the PoolAddressesProvider, on v2 the LendingPool.
    steward : str or None
        The contract that bounds what the risk council may change.
    base_usd_feed : str or None
        Feed that prices the base currency in US dollars, where a market counts in ether.
    """

    name: str
    protocol: str
    chain_id: int
    address: str
    steward: str | None = None
    base_usd_feed: str | None = None


LISTED = (
    Listed(
        "aave-v3-arbitrum",
        "aave-v3",
        42_161,
        "0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb",
        "0xC5762E5A5c12886D4F6768549A9C605823d029E9",
    ),
    Listed(
        "aave-v3-avalanche",
        "aave-v3",
        43_114,
        "0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb",
        "0x43632469e02CDAaEB4dE3DcBfCAaBEf310975729",
    ),
    Listed(
        "aave-v3-base",
        "aave-v3",
        8_453,
        "0xe20fCBdBfFC4Dd138cE8b2E6FBb6CB49777ad64D",
        "0x494bcfd3937aBdebEF3D2c2eae1CE8A2Fb629032",
    ),
    Listed(
        "aave-v3-bnb",
        "aave-v3",
        56,
        "0xff75B6da14FfbbfD355Daf7a2731456b3562Ba6D",
        "0x42ca9E62C9B61d01Bb222d6E69f095eE98e61cE8",
    ),
    Listed(
        "aave-v3-celo",
        "aave-v3",
        42_220,
        "0x9F7Cf9417D5251C59fE94fB9147feEe1aAd9Cea5",
        "0xF73F2634b43344d86921DA3391d4EF0d5675Dd63",
    ),
    Listed(
        "aave-v3-ethereum",
        "aave-v3",
        1,
        "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e",
        "0x13a9CC64344b02bACC5AD9Cf38B5711F1B9ec3d4",
    ),
    Listed(
        "aave-v3-ethereum-etherfi",
        "aave-v3",
        1,
        "0xeBa440B438Ad808101d1c451C1C5322c90BEFCdA",
        "0x9Db34dC89D9BC56A5E2899c328D959eF9E072645",
    ),
    Listed("aave-v3-ethereum-horizon", "aave-v3", 1, "0x5D39E06b825C1F2B80bf2756a73e28eFAA128ba0"),
    Listed(
        "aave-v3-ethereum-lido",
        "aave-v3",
        1,
        "0xcfBf336fe147D643B9Cb705648500e101504B16d",
        "0x5BA8d98feE911C2422EbEBFB6b774128924CcD68",
    ),
    Listed("aave-v3-fantom", "aave-v3", 250, "0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb"),
    Listed(
        "aave-v3-gnosis",
        "aave-v3",
        100,
        "0x36616cf17557639614c1cdDb356b1B83fc0B2132",
        "0xd7f6CbA78FcE1799C29460765c97D7792eeD0756",
    ),
    Listed("aave-v3-harmony", "aave-v3", 1_666_600_000, "0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb"),
    Listed(
        "aave-v3-ink-whitelabel",
        "aave-v3",
        57_073,
        "0x4172E6aAEC070ACB31aaCE343A58c93E4C70f44D",
        "0xC1d38a1cdfb53Fce012A3A8CB42B64ddF60d4332",
    ),
    Listed(
        "aave-v3-linea",
        "aave-v3",
        59_144,
        "0x89502c3731F69DDC95B65753708A07F8Cd0373F4",
        "0xE77aF99210AC55939e1ba0bFC6A9a20E1Da73b25",
    ),
    Listed(
        "aave-v3-mantle",
        "aave-v3",
        5_000,
        "0xba50Cd2A20f6DA35D788639E581bca8d0B5d4D5f",
        "0xb5a1Fe36dcf5Ba149Cb8d90A03f4709141eE5442",
    ),
    Listed(
        "aave-v3-megaeth",
        "aave-v3",
        4_326,
        "0x46Dcd5F4600319b02649Fd76B55aA6c1035CA478",
        "0xb5a1Fe36dcf5Ba149Cb8d90A03f4709141eE5442",
    ),
    Listed(
        "aave-v3-metis",
        "aave-v3",
        1_088,
        "0xB9FABd7500B2C6781c35Dd48d54f81fc2299D7AF",
        "0x97CB9e81d480A2AB03299760654C1DDC0C16bE07",
    ),
    Listed(
        "aave-v3-monad",
        "aave-v3",
        143,
        "0x34793Fb9935F7bB5E5aE920fb963F39063E7A615",
        "0x98217A06721Ebf727f2C8d9aD7718ec28b7aAe34",
    ),
    Listed(
        "aave-v3-optimism",
        "aave-v3",
        10,
        "0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb",
        "0x33df99d9d6F69fbe2722920883609532EFc2541d",
    ),
    Listed(
        "aave-v3-plasma",
        "aave-v3",
        9_745,
        "0x061D8e131F26512348ee5FA42e2DF1bA9d6505E9",
        "0xdDE20B20E21a6F3b7080e740b684CDf5b764B80D",
    ),
    Listed(
        "aave-v3-polygon",
        "aave-v3",
        137,
        "0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb",
        "0x8F3537814430829Ca6760C92859F1A3cE235049A",
    ),
    Listed(
        "aave-v3-scroll",
        "aave-v3",
        534_352,
        "0x69850D0B276776781C063771b161bd8894BCdD04",
        "0xc524A770ae73e57F0295aA48fd7605927a628B3b",
    ),
    Listed(
        "aave-v3-soneium",
        "aave-v3",
        1_868,
        "0x82405D1a189bd6cE4667809C35B37fBE136A4c5B",
        "0xD9145b5F45Ad4519c7ACcD6E0A4A82e83bB8A6Dc",
    ),
    Listed(
        "aave-v3-sonic",
        "aave-v3",
        146,
        "0x5C2e738F6E27bCE0F7558051Bf90605dD6176900",
        "0xb9898C9F4711cBCaD882863302EF8300bFc9d6Dc",
    ),
    Listed(
        "aave-v3-xlayer",
        "aave-v3",
        196,
        "0xdFf435BCcf782f11187D3a4454d96702eD78e092",
        "0x7D0219C7037819B3F5d73E235C595189C3F8c224",
    ),
    Listed(
        "aave-v3-zksync",
        "aave-v3",
        324,
        "0x2A3948BB219D6B2Fa83D64100006391a96bE6cb7",
        "0x528a1036C8450464f8a00A0A8c2f517595E44169",
    ),
    Listed(
        "aave-v2-avalanche",
        "aave-v2",
        43_114,
        "0x4F01AeD16D97E3aB5ab2B501154DC9bb0F1A5A2C",
    ),
    Listed(
        "aave-v2-ethereum",
        "aave-v2",
        1,
        "0x7d2768dE32b0b80b7a3454c06BdAc94A69DDc7A9",
        base_usd_feed="0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419",
    ),
    Listed(
        "aave-v2-ethereum-amm",
        "aave-v2",
        1,
        "0x7937D4799803FbBe595ed57278Bc4cA21f3bFfCB",
        base_usd_feed="0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419",
    ),
    Listed(
        "aave-v2-polygon",
        "aave-v2",
        137,
        "0x8dFf5E27EA6b7AC08EbFdf9eB090F32ee9a30fcf",
        base_usd_feed="0xF9680D99D6C9589e2a93a78A04A279e509205945",
    ),
    Listed("spark-ethereum", "spark", 1, "0x02C3eA4e34C0cBd694D2adFa2c690EECbC1793eE"),
    Listed("spark-gnosis", "spark", 100, "0xA98DaCB3fC964A6A0d2ce3B77294241585EAbA6d"),
)
