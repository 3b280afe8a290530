namespace Sinter.Cuda.Instructions;

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
