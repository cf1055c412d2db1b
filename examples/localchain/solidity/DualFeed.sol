// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.27;

/// An aggregator with two paths for the same reports: the public one, and a private one that
/// only the secondary proxy hears of.  That proxy is served its own latest round unless it is
/// older than the cut-off; then the newest public round older than the cut-off.
contract DualFeed {
    struct Transmission {
        int192 answer;
        uint32 recordedTimestamp;
    }

    string public constant typeAndVersion = "DualAggregator 1.0.0";
    uint256 public constant version = 6;
    uint8 public immutable decimals;
    int192 public constant minAnswer = 1;
    int192 public constant maxAnswer = type(int192).max;
    // The cut-off lies where the contract this one stands for keeps it.
    uint256[18] private _unused;
    uint32 private s_cutoffTime;
    uint32 private s_maxSyncIterations = 20;
    string public description;
    address public secondaryProxy;
    uint32 public latestPrimary;
    uint32 public latestSecondary;
    mapping(uint32 => Transmission) private _rounds;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    constructor(uint8 decimals_, string memory description_, uint32 cutoff) {
        decimals = decimals_;
        description = description_;
        s_cutoffTime = cutoff;
    }

    function setSecondaryProxy(address proxy) external {
        secondaryProxy = proxy;
    }

    function transmit(int192 answer, bool secondary) external {
        uint32 round = ++latestPrimary;
        if (secondary) latestSecondary = round;
        _rounds[round] = Transmission(answer, uint32(block.timestamp));
        emit AnswerUpdated(answer, round, block.timestamp);
    }

    function latestAnswer() external view returns (int256) {
        return _rounds[_latest()].answer;
    }

    function latestTimestamp() external view returns (uint256) {
        return _rounds[_latest()].recordedTimestamp;
    }

    function latestRound() external view returns (uint256) {
        return _latest();
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        uint32 round = _latest();
        Transmission memory at = _rounds[round];
        return (round, at.answer, at.recordedTimestamp, at.recordedTimestamp, round);
    }

    function _latest() private view returns (uint32) {
        if (msg.sender != secondaryProxy) return latestPrimary;
        if (!_isOld(latestSecondary)) return latestSecondary;
        for (uint32 round = latestPrimary; round > 0 && latestPrimary - round < s_maxSyncIterations; round--) {
            if (round == latestSecondary || _isOld(round)) return round;
        }
        return latestSecondary;
    }

    function _isOld(uint32 round) private view returns (bool) {
        return _rounds[round].recordedTimestamp + s_cutoffTime < block.timestamp;
    }
}
