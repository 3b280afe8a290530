using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;
using Sinter.Command.InMemory;
using Xunit;

namespace Sinter.Command.Tests;

public sealed class AssemblyCacheTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sinter-cache").FullName;
    private int _made;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Makes_an_assembly_once()
    {
        Assert.Equal([1, 2, 3], Get("key", 1, 2, 3));
        Assert.Equal([1, 2, 3], Get("key", 9));
        Assert.Equal(1, _made);
    }

    [Fact]
    public void Keeps_assemblies_of_different_keys_apart()
    {
        Get("one", 1);
        Assert.Equal([2], Get("two", 2));
        Assert.Equal([1], Get("one", 9));
    }

    [Fact]
    public void Leaves_nothing_but_whole_entries()
    {
        Get("key", 1, 2, 3);
        Assert.Equal("key.assembly", Path.GetFileName(Assert.Single(Directory.GetFiles(Cache))));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(32)]
    [InlineData(33)]
    public void A_truncated_entry_is_made_anew(int length)
    {
        Get("key", 1, 2, 3);
        string entry = Directory.GetFiles(Cache).Single();
        File.WriteAllBytes(entry, File.ReadAllBytes(entry)[..length]);
        Assert.Equal([4, 5], Get("key", 4, 5));
        Assert.Equal([4, 5], Get("key", 9));
        Assert.Equal(2, _made);
    }

    [Fact]
    public void A_changed_entry_is_made_anew()
    {
        Get("key", 1, 2, 3);
        string entry = Directory.GetFiles(Cache).Single();
        byte[] content = File.ReadAllBytes(entry);
        content[^1] ^= 1;
        File.WriteAllBytes(entry, content);
        Assert.Equal([4], Get("key", 4));
    }

    [Fact]
    public void Works_without_a_folder_to_write_to()
    {
        File.WriteAllText(Cache, "a file where the folder should be");
        Assert.Equal([1], Get("key", 1));
        Assert.Equal([2], Get("key", 2));
    }

    [Fact]
    public void Nobody_else_may_write_to_it()
    {
        if (OperatingSystem.IsWindows()) return;
        Get("key", 1);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Cache));
    }

    [Fact]
    public void Writers_do_not_disturb_each_other()
    {
        Parallel.For(0, 64, i => Assert.Equal([7, 7], new AssemblyCache(Cache).GetOrMake("key", () => [7, 7])));
        Assert.Single(Directory.GetFiles(Cache));
    }

    [Fact]
    public void A_key_depends_on_every_part_and_on_where_it_ends()
    {
        string[] keys = [AssemblyCache.Key("ab", "c"), AssemblyCache.Key("a", "bc"), AssemblyCache.Key("abc"), AssemblyCache.Key("ab", "d")];
        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.Equal(keys[0], AssemblyCache.Key("ab", "c"));
    }

    [Fact]
    public void Compiles_code_that_uses_the_runtime()
    {
        const string Code = "public static class Probe { public static unsafe int Size => sizeof(Sinter.Runtime.Execution.Step); }";
        Assembly assembly = Assembly.Load(AssemblyCompiler.Compile("Probe", [("Probe.g.cs", Code)]));
        Assert.True((int)assembly.GetType("Probe")!.GetProperty("Size")!.GetValue(null)! > 0);
    }

    [Fact]
    public void Code_that_does_not_compile_is_a_fault_of_the_generator()
    {
        var fault = Assert.Throws<InvalidOperationException>(() => AssemblyCompiler.Compile("Broken", [("Broken.g.cs", "class {")]));
        Assert.Contains("Broken.g.cs", fault.Message);
    }

    private string Cache => Path.Combine(_folder, "sinter");

    private byte[] Get(string key, params byte[] content) => new AssemblyCache(Cache).GetOrMake(key, () =>
    {
        _made++;
        return content;
    });
}
