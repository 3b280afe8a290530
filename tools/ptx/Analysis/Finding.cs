using System.Globalization;

namespace Sinter.Ptx;

/// <summary>What a GPU would have hidden.</summary>
public enum FindingKind
{
    /// <summary>An access outside every allocation, or outside the block's shared memory.</summary>
    OutOfBounds,

    /// <summary>An address that is not a multiple of the access's size.</summary>
    Misaligned,

    /// <summary>A register read before it was written.</summary>
    UninitialisedRegister,

    /// <summary>Memory read before it was written.</summary>
    UninitialisedMemory,

    /// <summary>Two threads touch a byte of shared memory, one writes, and nothing orders them.</summary>
    SharedMemoryRace,

    /// <summary>Data of an asynchronous copy or product touched before it was waited for.</summary>
    AsyncNotWaited,

    /// <summary>Shared memory written by ordinary stores, then read by the asynchronous proxy with no fence.proxy.async between.</summary>
    MissingProxyFence,

    /// <summary>Registers of wgmma touched while it is in flight, or written with no wgmma.fence before it.</summary>
    WgmmaRegisters,

    /// <summary>A barrier that the threads of a warp, or of the block, do not reach together.</summary>
    DivergentBarrier,

    /// <summary>A .sync instruction without all lanes that its mask names, or by a lane it does not name.</summary>
    MissingLanes,

    /// <summary>An mbarrier's expected bytes and the bytes that came differ.</summary>
    TransactionMismatch,

    /// <summary>An mbarrier used wrongly: not initialised, too many arrivals, initialised twice.</summary>
    MbarrierMisuse,

    /// <summary>Asynchronous work not waited for when the thread ended.</summary>
    AsyncAtExit,

    /// <summary>All threads wait, or none makes progress.</summary>
    Deadlock,

    /// <summary>An instruction's operands break a rule of the ISA that has no kind of its own.</summary>
    InvalidOperand,
}

/// <summary>A thread of a launch: the block's index in the grid and the thread's in the block.</summary>
public readonly record struct ThreadPlace(Dimensions Block, Dimensions Thread)
{
    /// <inheritdoc/>
    public override string ToString() => $"block ({Block}), thread ({Thread})";
}

/// <summary>One fault, at the instruction and thread that showed it first.</summary>
/// <param name="Kind">What is wrong.</param>
/// <param name="Kernel">The entry's name.</param>
/// <param name="Line">The line in the module's text, from one.</param>
/// <param name="Instruction">The instruction as written.</param>
/// <param name="Place">The first thread that showed it.</param>
/// <param name="Address">The address in its space, where memory is concerned.</param>
/// <param name="Message">One sentence on what happened.</param>
public sealed record Finding(
    FindingKind Kind,
    string Kernel,
    int Line,
    string Instruction,
    ThreadPlace Place,
    ulong? Address,
    string Message)
{
    /// <summary>How many times the same instruction showed the same kind of fault.</summary>
    public int Count { get; internal set; } = 1;

    /// <inheritdoc/>
    public override string ToString()
    {
        var at = Address is { } address ? string.Create(CultureInfo.InvariantCulture, $", address 0x{address:x}") : "";
        var times = Count > 1 ? string.Create(CultureInfo.InvariantCulture, $" ({Count} times)") : "";
        return $"{Kind} in {Kernel}, line {Line} `{Instruction}`, {Place}{at}: {Message}{times}";
    }
}
