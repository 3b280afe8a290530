using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations.Lowering;

namespace Sinter.Compiler.Operations;

/// <summary>Turns the tensor algebra of a region into the list of kernel calls that compute it.</summary>
public static class LowerRegions
{
    /// <exception cref="UnsupportedException">No schedule can run a part of the region.</exception>
    public static LoweredRegion Run(Region region) => new RegionLowering(region).Run();
}
