using System.Collections.Generic;

namespace Sinter.Tests.Reference;

/// <summary>Where numbers stand.</summary>
public static class Places
{
    /// <summary>
    /// The places of all index tuples over some axes, in row-major order: Σ index · stride. No axes have one place.
    /// </summary>
    public static int[] Of(IReadOnlyList<int> sizes, IReadOnlyList<int> strides)
    {
        int[] places = [0];
        for (int axis = 0; axis < sizes.Count; axis++)
        {
            var further = new int[checked(places.Length * sizes[axis])];
            for (int i = 0; i < further.Length; i++)
            {
                further[i] = places[i / sizes[axis]] + i % sizes[axis] * strides[axis];
            }

            places = further;
        }

        return places;
    }
}
