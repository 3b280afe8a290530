using System.Threading.Tasks;
using Sinter.Tests.Machines;
using Xunit;

namespace Sinter.Compiler.Tests.Kernels;

/// <summary>The tests of this folder on processors with narrower vectors.</summary>
[Trait("Category", "Slow")]
public sealed class NarrowerVectorsTests
{
    public static TheoryData<string, int> Settings
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach ((string setting, int bits) in NarrowerVectors.Settings) data.Add(setting, bits);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task Every_kernel_equals_double_precision(string setting, int bits)
    {
        string filter = $"FullyQualifiedName~{typeof(KernelTest).Namespace}&Category!=Slow";
        (int passed, int failed, string output) = await NarrowerVectors.Run(typeof(KernelTest), filter, setting, bits);
        Assert.True(passed > ContractionKernels.Cases().Count && failed == 0, output);
    }
}
