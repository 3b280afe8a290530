using System.Runtime.CompilerServices;

namespace Sinter.Runtime.Numerics;

/// <summary>How a kernel widens stored numbers: a type parameter, so that the JIT makes one version of a kernel for each format in use.</summary>
public unsafe interface IWeightFormat
{
    /// <summary>Bytes a number.</summary>
    static abstract int Bytes { get; }

    /// <summary>Whether numbers are to be multiplied with the scale of their block of <see cref="ScaleRows"/> × <see cref="ScaleColumns"/>.</summary>
    static abstract bool IsBlockScaled { get; }

    /// <summary>Stored rows that share scales: a power of two.</summary>
    static abstract int ScaleRows { get; }

    /// <summary>Neighbours in a stored row that share a scale: a power of two that divides 128, and no fewer than the widest vector.</summary>
    static abstract int ScaleColumns { get; }

    /// <summary>V.Count numbers in their order.</summary>
    static abstract V Load<V>(byte* place)
        where V : struct, ILanes<V>;

    static abstract float Number(byte* place);

    /// <summary>
    /// Four times V.Count numbers · <see cref="QuadFactor"/>⁻¹, in the order in which they are widened fastest;
    /// <see cref="Arrange"/> brings their partners in a dot product into the same order.
    /// </summary>
    static abstract void LoadQuad<V>(byte* place, out V first, out V second, out V third, out V fourth)
        where V : struct, ILanes<V>;

    /// <summary>Copies four times V.Count numbers, times <see cref="ArrangeFactor"/>, in the order of <see cref="LoadQuad"/>.</summary>
    static abstract void Arrange<V>(float* from, float* to)
        where V : struct, ILanes<V>;

    /// <summary>
    /// What dot products of arranged numbers with quads are to be multiplied with. Half of a quad's factor is in the
    /// arranged numbers, so that nothing in between comes near the ends of the range of f32.
    /// </summary>
    static abstract float QuadFactor { get; }

    /// <inheritdoc cref="QuadFactor"/>
    static abstract float ArrangeFactor { get; }

    /// <summary>Remembers whether a quad holds a code that stands for no number, if <see cref="LoadQuad"/> does not say.</summary>
    static abstract V Mark<V>(byte* place, V marks)
        where V : struct, ILanes<V>;

    static abstract bool IsMarked<V>(V marks)
        where V : struct, ILanes<V>;
}
