using System.Globalization;

namespace Sinter.Ptx;

/// <summary>A size or index in up to three dimensions.</summary>
public readonly record struct Dimensions(int X, int Y = 1, int Z = 1)
{
    /// <summary>X·Y·Z.</summary>
    public long Size => (long)X * Y * Z;

    /// <summary>A size along x alone.</summary>
    public static implicit operator Dimensions(int x) => new(x);

    /// <summary>The index of the n-th element, x fastest.</summary>
    internal Dimensions At(long n) => new((int)(n % X), (int)(n / X % Y), (int)(n / ((long)X * Y)));

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{X},{Y},{Z}");
}
