namespace Sinter.Cuda.Kernels;

/// <summary>Numbers of a head in attention over expanded keys and values. Values are constants, so that ILGPU folds them.</summary>
public interface IAttentionShape
{
    /// <summary>Of a key, and of a query, without position: a multiple of 8.</summary>
    int NoRope { get; }

    /// <summary>Of a key, and of a query, rotated by the position; all heads share a key's: a multiple of 8.</summary>
    int Rope { get; }

    /// <summary>Of a value: a multiple of 32 up to 128.</summary>
    int Values { get; }
}

/// <summary>DeepSeek-V2, V3, Kimi K2, Moonlight: queries and keys of 192, values of 128.</summary>
public struct Heads192x128 : IAttentionShape
{
    public readonly int NoRope => 128;

    public readonly int Rope => 64;

    public readonly int Values => 128;
}

/// <summary>The trained model of this repository: queries and keys of 48, values of 64.</summary>
public struct Heads48x64 : IAttentionShape
{
    public readonly int NoRope => 32;

    public readonly int Rope => 16;

    public readonly int Values => 64;
}
