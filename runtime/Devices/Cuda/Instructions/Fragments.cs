namespace Sinter.Devices.Cuda.Instructions;

/// <summary>Four 32-bit registers of a lane: a part of a matrix, packed.</summary>
public struct Words
{
    public uint X;
    public uint Y;
    public uint Z;
    public uint W;
}

/// <summary>A lane's four sums of a product of 16 by 8: rows lane/4 (X, Y) and 8 more (Z, W), columns 2(lane%4) and the next.</summary>
public struct Sums
{
    public float X;
    public float Y;
    public float Z;
    public float W;
}

/// <summary>A lane's sums of a product of 16 by 32, eight columns to each field.</summary>
public struct Strip
{
    public Sums C0;
    public Sums C1;
    public Sums C2;
    public Sums C3;
}

/// <summary>A lane's 64 sums of a warpgroup's product of 64 by 128: of its warp's 16 rows, 32 columns to each field.</summary>
public struct WideSums
{
    public Strip C0;
    public Strip C1;
    public Strip C2;
    public Strip C3;
}

/// <summary>A lane's 128 sums of a warpgroup's product of 64 by 256: the left 128 columns, and the right ones.</summary>
public struct BroadSums
{
    public WideSums Left;
    public WideSums Right;
}
