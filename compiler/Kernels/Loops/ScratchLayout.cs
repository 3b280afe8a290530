namespace Sinter.Compiler.Kernels.Loops;

/// <summary>Places in a worker's own memory, one after the other.</summary>
public sealed class ScratchLayout
{
    public int Bytes { get; private set; }

    /// <summary>A place for <paramref name="count"/> numbers, or rows, to be declared by whoever uses it.</summary>
    public Reserve Place(string name, int count, Kind kind = Kind.Floats)
    {
        var place = new Reserve(new(kind, name), Bytes);
        Bytes += (count * (kind == Kind.Rows ? 8 : 4) + 63) / 64 * 64;
        return place;
    }
}
