"""What a staking or share ratio is read from.

A cap adapter says its ratio (``getRatio()``) but not what it asks its provider; a closed list
of getters is tried, and only one that answers exactly that ratio counts.

Sources: aave-price-feeds lst-adapters/*.sol, and the interfaces they import.
"""

from __future__ import annotations

from abis.calls import Call
from abis.chain import Reading
from abis.findings import Finding, FindingKind, Severity
from oracles.recognise import Found, name_of
from oracles.traced import Kind, RatioSettings

# Those with an argument are asked for one whole share.
_OF_ONE_SHARE = (
    "getPooledEthByShares(uint256)(uint256)",  # stETH
    "convertToAssets(uint256)(uint256)",  # ERC-4626; osETH, savings tokens
    "convertToExitAssets(uint256)(uint256)",  # syrupUSDC
    "getPooledAvaxByShares(uint256)(uint256)",  # sAVAX
    "convertSnBnbToBnb(uint256)(uint256)",
    "convertBnbXToBnb(uint256)(uint256)",
)
_PLAIN = (
    "getExchangeRate()(uint256)",  # rETH, ETHx
    "getRate()(uint256)",  # weETH, eBTC
    "exchangeRate()(uint256)",  # cbETH, wBETH
    "rsETHPrice()(uint256)",
    "chi()(uint256)",  # the pot of savings DAI, ray
)


def recognise_ratio(provider: str, ratio_raw: int, decimals: int) -> Reading[Found]:
    """Return the provider as a `Kind.RATIO` leaf, or as opaque where no getter gives the ratio.

    Parameters
    ----------
    provider : str
        Address of the provider.
    ratio_raw : int
        What the adapter says its ratio is; the answer either way.
    decimals : int
        Decimals of the ratio.
    """
    one = 10**decimals
    calls = [Call(provider, s, (one,), optional=True) for s in _OF_ONE_SHARE]
    calls += [Call(provider, s, optional=True) for s in _PLAIN]
    answers = yield calls
    for call, answer in zip(calls, answers, strict=True):
        if answer == ratio_raw:
            getter = f"{name_of(call.signature)}({', '.join(str(a) for a in call.args)})"
            return Found(provider, Kind.RATIO, "", decimals, ratio_raw, settings=RatioSettings(getter))
    finding = Finding(
        FindingKind.UNSUPPORTED,
        Severity.MEDIUM,
        provider,
        f"No known getter of this ratio provider answers {ratio_raw}, the ratio its adapter reads.",
        remedy="Read the adapter's getRatio(); the ratio is taken as it stands.",
    )
    return Found(provider, Kind.OPAQUE, "", decimals, ratio_raw, findings=(finding,))
