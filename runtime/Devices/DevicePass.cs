using ILGPU;
using Sinter.Runtime.Execution;

namespace Sinter.Devices;

/// <summary>All that the generated program works on: the step, and where its memory lies on the device.</summary>
public sealed class DevicePass
{
    public DeviceStep Step;

    private readonly DeviceMemory _memory;

    internal DevicePass(DeviceMemory memory)
    {
        _memory = memory;
        Weights = memory.Weights;
        Rotaries = memory.Rotaries;
        Step.Positions = memory.Positions;
        Step.RangeOf = memory.RangeOf;
        Step.Ranges = memory.Ranges;
    }

    /// <summary>By slot of the weight table; of experts the first one's slot holds them all.</summary>
    public DeviceWeight[] Weights { get; }

    /// <summary>[rotaries] tables of [position, dimension] numbers: cosine and sine in turn.</summary>
    public ArrayView<float>[] Rotaries { get; }

    public ArrayView<int> TokenIds => _memory.TokenIds;

    public ArrayView<int> NextIds => _memory.NextIds;

    public ArrayView<int> LogitRows => _memory.LogitRows;

    public int LogitRowCount { get; internal set; }

    /// <summary>[rows wanted, vocabulary].</summary>
    public ArrayView<float> Logits => _memory.Logits;

    /// <summary>[tokens, hidden].</summary>
    public ArrayView<float> Hidden { get; internal set; }

    public ITrace? Trace { get; internal set; }

    /// <summary>Who chooses the tokens on the device; null where the logits are wanted.</summary>
    internal DeviceChoice? Choice { get; set; }

    internal AttentionOrder Order { get; set; }

    /// <summary>Of the step's sequences together: tokens, positions, and pairs of both.</summary>
    internal (double Tokens, double Positions, double Pairs) Work { get; set; }

    public DeviceCache Cache(int layer, int cache) => _memory.Cache(layer, cache);

    /// <summary>A buffer whose rows are tokens.</summary>
    /// <param name="offset">In bytes a row.</param>
    /// <param name="width">Numbers a row.</param>
    public ArrayView<float> Tokens(int offset, int width) => _memory.TokenBuffer(offset, width);

    /// <summary>A buffer whose rows are positions.</summary>
    public ArrayView<float> Positions(int offset, int width) => _memory.PositionBuffer(offset, width);

    /// <summary>A buffer of one row.</summary>
    public ArrayView<float> Fixed(int offset, int width) => _memory.FixedBuffer(offset, width);

    /// <summary>Whether the step runs in an order of attention's products: the one that was asked for, or the cheaper of two.</summary>
    public bool Takes(AttentionOrder order, OrderCost own, OrderCost other)
    {
        if (Order != AttentionOrder.Cheapest) return Order == order;
        return own.Of(Work.Tokens, Work.Positions, Work.Pairs) <= other.Of(Work.Tokens, Work.Positions, Work.Pairs);
    }

    /// <summary>Hands a finished buffer to the trace.</summary>
    public void Show(string name, int layer, ArrayView<float> data, int columns) => _memory.Show(Trace!, name, layer, data, Step.Tokens, columns);

    /// <inheritdoc cref="Show(string, int, ArrayView{float}, int)"/>
    public void Show(string name, int layer, ArrayView<int> data, int columns) => _memory.Show(Trace!, name, layer, data, Step.Tokens, columns);
}

/// <summary>Multiplications of attention's products in one order.</summary>
public readonly record struct OrderCost(double PerToken, double PerPosition, double PerPair)
{
    public double Of(double tokens, double positions, double pairs) => PerToken * tokens + PerPosition * positions + PerPair * pairs;
}
